-- A scrypt hash of a condensed password says so in front, as one of bcrypt does.
-- Without the label it is the common form, of the password as typed, which users
-- bring along from other systems.

UPDATE users
   SET password_hash = CONCAT('$hmac-sha256', password_hash)
 WHERE SUBSTR(password_hash, 1, 8) = '$scrypt$';

UPDATE registrations
   SET password_hash = CONCAT('$hmac-sha256', password_hash)
 WHERE SUBSTR(password_hash, 1, 8) = '$scrypt$';
