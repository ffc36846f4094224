-- The first answer to each keyed request, stored in the same transaction as its effect.
create table idempotency (
    caller     text not null,
    operation  text not null, -- the use case and the id it applies to
    key        text not null,
    request    text not null, -- the parsed request as JSON; a retry must be equal to it
    answer     text not null, -- the answer that was first sent, as JSON
    created_at text not null,
    primary key (caller, operation, key)
) strict;

create index idempotency_by_age on idempotency (created_at);
