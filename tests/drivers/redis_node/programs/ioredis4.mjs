// ioredis 4 by itself, with each way to log in.
import Redis from 'ioredis4';
import { useIoredis } from '../ioredis_use.mjs';
import { WATCH_REFUSED } from '../logins.mjs';

export const errors = [WATCH_REFUSED];

export default ({ port }) => useIoredis(Redis, { port });
