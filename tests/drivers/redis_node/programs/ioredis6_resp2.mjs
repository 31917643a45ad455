// ioredis 6 by itself, in RESP2, with each way to log in.
import Redis from 'ioredis6';
import { useIoredis } from '../ioredis_use.mjs';
import { WATCH_REFUSED } from '../logins.mjs';

export const errors = [WATCH_REFUSED];

export default ({ port }) => useIoredis(Redis, { port, options: { protocol: 2 } });
