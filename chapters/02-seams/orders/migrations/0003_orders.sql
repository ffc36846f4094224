create table orders (
    id           text not null primary key, -- UUID version 7: ordered by time, so "newest first" is this column
    customer_id  text not null,             -- an account; accounts are another context's
    status       text not null,
    version      integer not null,          -- how many statuses it has had
    reason       text,
    total        integer,                   -- cents; null until stock is held
    captured     integer not null,
    refunded     integer not null,
    decline_code text,
    created_at   text not null,
    expires_at   text
) strict;

create index orders_of_customer on orders (customer_id, id);
create index orders_to_expire on orders (expires_at) where status = 'awaiting_payment';

create table order_lines (
    order_id   text not null references orders (id),
    position   integer not null,
    product_id text not null,               -- perhaps of no product: such an order is rejected, and says which it was
    quantity   integer not null,
    name       text,
    unit_price integer,                     -- the price when stock was held, for ever
    primary key (order_id, position)
) strict, without rowid;

create table order_history (
    order_id text not null references orders (id),
    version  integer not null,
    status   text not null,
    at       text not null,
    primary key (order_id, version)
) strict, without rowid;

-- What the payment provider is asked. The row is committed before the call, and its id is the provider's
-- idempotency key: whatever happens to this process, the same question is asked again, never a new one.
create table payment_attempts (
    id           text not null primary key,
    order_id     text not null references orders (id),
    source       text not null,
    amount       integer not null,
    outcome      text check (outcome in ('succeeded', 'declined')), -- null until the provider has answered
    charge_id    text,
    asks         integer not null,
    ask_again_at text not null
) strict;

create index payment_attempts_open on payment_attempts (ask_again_at) where outcome is null;
create unique index payment_attempts_one_at_a_time on payment_attempts (order_id) where outcome is null;
create unique index payment_attempts_one_success on payment_attempts (order_id) where outcome = 'succeeded';

create table refunds (
    id           text not null primary key,
    order_id     text not null unique references orders (id),
    charge_id    text not null,
    amount       integer not null,
    done         integer not null default 0 check (done in (0, 1)),
    asks         integer not null,
    ask_again_at text not null
) strict;

create index refunds_open on refunds (ask_again_at) where done = 0;

-- An order with all that belongs to it, to be read in one statement and so as of one moment.
create view order_details as
select orders.*,
       (select json_group_array(json_object('product_id', product_id, 'quantity', quantity,
                                            'name', name, 'unit_price', unit_price) order by position)
        from order_lines where order_id = orders.id) as items,
       (select json_group_array(json_object('status', status, 'at', at) order by version)
        from order_history where order_id = orders.id) as history
from orders;
