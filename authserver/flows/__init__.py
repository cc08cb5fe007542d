"""What a person can do, one file each, and the parts that flows share.

A flow takes the `App` and the `Caller`, decides inside one transaction, and
refuses outside it: a refusal raised inside would roll back the very counter,
revocation or audit row that has to survive it. No flow knows of HTTP.

Each column is in the order to read it in; the left one leans on the right one.

    what a person can do                    what flows share
    --------------------------------------  ----------------------------------
    register         ask for an account     places          where a caller is
    send_code        ask for a code         lookup          whom a name means
    verify           give the code back     records         audit and messages
    confirm          follow the link        budgets         how often, at most
    login            open a session         challenges      codes, made to spent
    refresh          renew its tokens       opening         how each login ends
    logout           end it                 authenticate    who is asking
    sessions         see and end them all   reauthenticate  the password, again
    reset            forgot the password    import_rows     lines become users
    change_password  want another one       purge           what expired goes
    contacts         want another address   health          the database answers
    import_users     bring users along       repeats         lost answers
                                            figures         what it all came to
                                            steps           with no thread each
"""
