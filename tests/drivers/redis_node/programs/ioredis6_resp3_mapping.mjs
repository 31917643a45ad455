// ioredis 6 by itself, in RESP3, where maps, sets and doubles stay what they are, with each way to log in.
import Redis from 'ioredis6';
import { useIoredis } from '../ioredis_use.mjs';
import { WATCH_REFUSED } from '../logins.mjs';

export const errors = [WATCH_REFUSED];

export default ({ port }) => useIoredis(Redis, { port, resp3: true, options: { replyMapping: 'resp3' } });
