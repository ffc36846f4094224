-- The first answer to each keyed request, stored in the same transaction as its effect. Request and answer were stored as
-- JSON of the program's own types, so a version with other types could not read them. Now both are stored as they crossed the
-- wire.
alter table idempotency rename to former;

create table idempotency (
    caller       text not null,
    operation    text not null, -- the use case and the id it applies to
    key          text not null,
    request      text,          -- the body as canonical JSON; a retry must be equal to it. Null: see below
    status       integer not null,
    content_type text not null,
    location     text,
    body         blob not null, -- the bytes that were first sent
    created_at   text not null,
    primary key (caller, operation, key)
) strict;

-- The text of an answer is the body that was sent. What the client had sent cannot be derived from the program's types, so a
-- retry of such a request is recognised by its key alone.
insert into idempotency
select caller, operation, key,
       null,
       case when operation like 'pay_order %' then 202 else 201 end,
       'application/json',
       case operation
           when 'place_order' then '/orders/' || json_extract(answer, '$.id')
           when 'add_product' then '/products/' || json_extract(answer, '$.id')
       end,
       cast(answer as blob),
       created_at
from former;

drop table former;

create index idempotency_by_age on idempotency (created_at);
