-- Times in all tables are RFC 3339 text in UTC with six fractional digits. All have the same width, so comparing them as
-- text orders them by time.

create table users (
    id            text not null primary key,
    email         text not null,
    email_key     text not null unique, -- the address in lower case: addresses are compared ignoring case
    name          text not null,
    password_hash text not null,        -- Argon2id, with its parameters and salt, as a PHC string
    role          text not null check (role in ('customer', 'staff')),
    created_at    text not null
) strict;

-- The secret that signs tokens. It is stored, so that tokens stay valid after a restart.
create table signing_keys (
    id         integer primary key,
    secret     blob not null,
    created_at text not null
) strict;
