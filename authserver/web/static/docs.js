// Starts Swagger UI, whose file was loaded before this one.

SwaggerUIBundle({
  dom_id: "#docs",
  url: "openapi.json",
  deepLinking: true,
  validatorUrl: null, // asks nobody else what to think of the document
});
