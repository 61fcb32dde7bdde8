-- +goose Up

-- What a desk works on, and what was asked for of one kind: each by where it
-- stands, newest first.
CREATE INDEX requests_desk ON requests (desk, status, id);
CREATE INDEX requests_action ON requests (action, status, id);
