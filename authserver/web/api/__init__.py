"""What the API takes and answers, declared; and documents made of that.

    routes        the table: every path, its endpoint, what it takes and refuses
    route         what a row of it is
    fields        what a field of a body is, and how bodies are read by them
    bodies        the bodies that routes take
    answers       what routes answer, by example
    schemas       JSON Schemas of all these
    openapi       the document, for programs: /openapi.json
    docs_page     the same to read, where Swagger UI is not installed: /docs

The last three are loaded when somebody asks for a document.
"""
