-- Times in all tables are RFC 3339 text in UTC with six fractional digits. All have the same width, so comparing them as
-- text orders them by time.

create table users (
    id            text not null primary key,
    version       integer not null,     -- the number of changes, the registration included; the version in the events
    email         text not null,
    email_key     text not null unique, -- the address in lower case: addresses are compared ignoring case
    name          text not null,
    password_hash text not null,        -- Argon2id, with its parameters and salt, as a PHC string
    role          text not null check (role in ('customer', 'staff')),
    created_at    text not null
) strict;

-- The Ed25519 keys that sign tokens. They are stored, so that all instances share them and tokens stay valid after a restart.
create table signing_keys (
    id         text not null primary key,
    seed       blob not null check (length(seed) = 32),
    created_at text not null,
    signs_from text not null
) strict;
