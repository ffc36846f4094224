-- The first answer to each keyed request, written in the transaction of its effect.
create table idempotency (
    caller     text not null,
    operation  text not null, -- method and path of the request, as a use case and its id
    key        text not null,
    request    text not null, -- the parsed request as JSON: "the same body" means equal here
    answer     text not null, -- the JSON first sent
    created_at text not null,
    primary key (caller, operation, key)
) strict;

create index idempotency_by_age on idempotency (created_at);
