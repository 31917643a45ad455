// Reader: reads the streams that are many, as those of clients, at the end of a turn of the loop
// and by one call of the system (ring.h).
//
// libuv says which streams there is something to read from. Those streams give it no buffer, so
// that it does not read them itself. That is so after a turn in which enough of them could be read;
// else libuv reads them, which costs less for a few.
#pragma once

#include "daemon/loop/stream.h"
#include "transport/ring.h"

// Where requests are read together each stream has so much room, and reads on alone when it is
// full. Rooms begin at different places of the processor's cache.
enum { READER_ROOM = 16 * 1024, READER_STEP = READER_ROOM + 192 };
enum { READER_SIZE = TRANSFERS_MOST * READER_STEP };
_Static_assert((int)READER_SIZE >= (int)STREAM_READ, "a stream that is read alone has all of it");

// Reads up to TRANSFERS_MOST streams of the queue.
void reader_read_many(struct flusher *f);

// Ends the turn: reads all streams of the queue.
void reader_end_turn(struct flusher *f);
