mod together;
