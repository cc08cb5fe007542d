"""What a person can do, one file each, and the parts that flows share.

A flow takes the `App` and the `Caller`, decides inside one transaction, and
refuses outside it: a refusal raised inside would roll back the very counter,
revocation or audit row that has to survive it. No flow knows of HTTP.

Each column is in the order to read it in; the left one leans on the right one.

    what a person can do                    what flows share
    --------------------------------------  ----------------------------------
    register         ask for an account     places          where a caller is
    check_password   may this one be it     lookup          whom a name means
    send_code        ask for a code         records         audit and messages
    verify           give the code back     budgets         how often, at most
    confirm          follow the link        challenges      codes, made to spent
    login            open a session         opening         how each login ends
    refresh          renew its tokens       authenticate    who is asking
    logout           end it                 reauthenticate  the password, again
    sessions         see and end them all   import_rows     lines become users
    reset            forgot the password    purge           what expired goes
    change_password  want another one       health          the database answers
    contacts         want another address   repeats         lost answers
    import_users     bring users along      figures         what it all came to
                                            steps           with no thread each
"""
