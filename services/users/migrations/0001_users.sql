-- Times are RFC 3339 text in UTC with six digits after the second, in every table: of one width, so that they compare as text.

create table users (
    id            text not null primary key,
    email         text not null,
    email_key     text not null unique, -- in lower case: addresses are compared without regard to it
    name          text not null,
    password_hash text not null,        -- Argon2id, with its parameters and salt, as a PHC string
    role          text not null check (role in ('customer', 'staff')),
    created_at    text not null
) strict;

-- The secret that signs tokens. In the database, so that a restart does not log everybody out.
create table signing_keys (
    id         integer primary key,
    secret     blob not null,
    created_at text not null
) strict;
