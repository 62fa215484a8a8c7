-- The engine's select and book as two functions, so that a call costs one round trip.
-- No counts, no list of free seats, no deadlines to look for: each would cost it more.

CREATE TABLE event (id bigint PRIMARY KEY, rows int NOT NULL, seats_per_row int NOT NULL);
CREATE TABLE booking (
    id bigserial PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES event,
    user_id bigint NOT NULL,
    status text NOT NULL,
    expires_at_ms bigint NOT NULL
);
CREATE INDEX booking_by_user ON booking (user_id);
CREATE TABLE held (seat_id bigint PRIMARY KEY, booking_id bigint NOT NULL);
CREATE SEQUENCE walk MINVALUE 0;

CREATE FUNCTION book(buyer bigint, concert bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    PERFORM FROM event WHERE id = concert;
    IF NOT FOUND THEN RAISE 'event not found'; END IF;
    INSERT INTO booking (event_id, user_id, status, expires_at_ms)
        VALUES (concert, buyer, 'CREATED', 0) RETURNING id INTO made;
    RETURN made;
END $$;

CREATE FUNCTION hold(buyer bigint, basket bigint, seat bigint, now_ms bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    found_booking booking; hall event; holder bigint;
    place_row bigint := seat / 10000 % 1000; place_number bigint := seat % 10000;
BEGIN
    SELECT * INTO found_booking FROM booking WHERE id = basket FOR UPDATE;
    IF NOT FOUND THEN RAISE 'booking not found'; END IF;
    SELECT * INTO hall FROM event WHERE id = seat / 10000000;
    IF NOT FOUND OR place_row NOT BETWEEN 1 AND hall.rows
        OR place_number NOT BETWEEN 1 AND hall.seats_per_row THEN RAISE 'seat not found'; END IF;
    IF found_booking.user_id <> buyer THEN RAISE 'not owner'; END IF;
    IF found_booking.event_id <> hall.id THEN RAISE 'seat elsewhere'; END IF;
    IF found_booking.status <> 'CREATED' THEN RAISE 'booking closed'; END IF;
    INSERT INTO held VALUES (seat, basket) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT booking_id INTO holder FROM held WHERE seat_id = seat;
        IF holder <> basket THEN RAISE 'seat taken'; END IF;
        RETURN;
    END IF;
    IF found_booking.expires_at_ms = 0 THEN
        UPDATE booking SET expires_at_ms = now_ms + 900000 WHERE id = basket;
    END IF;
END $$;
