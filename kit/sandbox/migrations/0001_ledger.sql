-- One row per Idempotency-Key. A row without a status was asked for and not charged yet (tok_flaky); the ledger hides it.
create table charges (
    id              text    primary key,
    idempotency_key text    not null unique,
    reference       text    not null,
    amount          integer not null check (amount > 0),
    currency        text    not null,
    source          text    not null,
    asked           integer not null default 1,
    status          text    check (status in ('succeeded', 'declined')),
    decline_code    text,
    refunded        integer not null default 0 check (refunded between 0 and amount),
    created_at      text    not null
) strict;

create table refunds (
    id              text    primary key,
    idempotency_key text    not null unique,
    charge_id       text    not null references charges (id),
    amount          integer not null check (amount > 0),
    created_at      text    not null
) strict;
