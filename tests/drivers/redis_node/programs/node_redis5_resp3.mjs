// node-redis 5 by itself, in RESP3, with each way to log in.
import { createClient } from 'redis5';
import { WATCH_REFUSED } from '../logins.mjs';
import { useNodeRedis } from '../node_redis_use.mjs';

export const errors = [WATCH_REFUSED];

export default ({ port }) => useNodeRedis(createClient, { port, options: { RESP: 3 } });
