// node-redis 6 by itself, in RESP2, with each way to log in.
import { createClient } from 'redis6';
import { WATCH_REFUSED } from '../logins.mjs';
import { useNodeRedis } from '../node_redis_use.mjs';

export const errors = [WATCH_REFUSED];

export default ({ port }) => useNodeRedis(createClient, { port, options: { RESP: 2 } });
