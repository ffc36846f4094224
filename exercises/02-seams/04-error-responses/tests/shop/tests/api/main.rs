mod responses;
