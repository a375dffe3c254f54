//! What a record is and how to ask for it: fields, values, catalogue, query language
