-- An order is one row. Its lines do not change after stock is held, its history only grows, and both are only read
-- together with the order. So they are JSON columns, and placing an order is one insert instead of four.
create table orders (
    id           text not null primary key, -- UUID version 7: ordered by time, so it sorts "newest first"
    customer_id  text not null,             -- an account; accounts are another service's
    status       text not null,
    version      integer not null,          -- the number of statuses so far: the length of `history`
    reason       text,
    items        text not null check (json_valid(items)),   -- [{product_id, quantity, name, unit_price}]
    total        integer,                   -- cents; null until stock is held
    captured     integer not null,
    refunded     integer not null,
    decline_code text,
    history      text not null check (json_valid(history)), -- [{status, at}]
    created_at   text not null,
    expires_at   text
) strict;

create index orders_of_customer on orders (customer_id, id);
create index orders_to_expire on orders (expires_at) where status = 'awaiting_payment';

-- Requests to the payment provider. A row is committed before its request is sent, and its id is the idempotency key of
-- the request. So after a crash the same request is sent again, never a new one.
create table payment_attempts (
    id              text not null primary key,
    order_id        text not null references orders (id),
    source          text not null,
    amount          integer not null,
    outcome         text check (outcome in ('succeeded', 'declined')), -- null while it is unknown
    charge_id       text,
    attempts        integer not null,
    next_attempt_at text not null
) strict;

create index payment_attempts_open on payment_attempts (next_attempt_at) where outcome is null;
create unique index payment_attempts_one_at_a_time on payment_attempts (order_id) where outcome is null;
create unique index payment_attempts_one_success on payment_attempts (order_id) where outcome = 'succeeded';

create table refunds (
    id              text not null primary key,
    order_id        text not null unique references orders (id),
    charge_id       text not null,
    amount          integer not null,
    done            integer not null default 0 check (done in (0, 1)),
    attempts        integer not null,
    next_attempt_at text not null
) strict;

create index refunds_open on refunds (next_attempt_at) where done = 0;

-- Commands to products that have had no reply yet. A row is written in the transaction of the status that requires the command, so
-- none is lost. A newer command of an order replaces the older one, whose reply is no longer needed.
create table stock_requests (
    order_id        text not null primary key references orders (id),
    command         text not null check (command in ('hold', 'sell', 'release')),
    attempts        integer not null,
    next_attempt_at text not null
) strict, without rowid;

create index stock_requests_due on stock_requests (next_attempt_at);

-- The names of customers, from the events of users: an order can be read with its name while users is down.
create table customers (
    id      text not null primary key,
    name    text not null,
    version integer not null -- of the user when the name was set: a late event changes nothing
) strict, without rowid;

-- Orders as they are read.
create view named_orders as
select orders.*, customers.name as customer_name
from orders left join customers on customers.id = orders.customer_id;
