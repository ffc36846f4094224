mod one_transaction;
