// Logins: the ways in which a bare client greets the server, each tried by every client. The server has a
// user `web` with the password `right`, who may use what anybody may, and a database 1.
import process from 'node:process';

export const LOGINS = [
  { what: 'plain' },
  { what: 'a user', username: 'web', password: 'right' },
  { what: 'a name', name: 'app' },
  { what: 'a database', db: 1 },
  { what: 'all of them', username: 'web', password: 'right', name: 'app', db: 1 },
];

// WATCH is a state of one connection to Redis, which a proxy's clients share: cachesd refuses it.
export const WATCH_REFUSED = /^NOPERM .*watch/i;
export const watchIsRefused = !process.env.BASELINE;

// An expectation that fails says of which login.
export async function withEachLogin(use) {
  for (const login of LOGINS) {
    try {
      await use(login);
    } catch (error) {
      throw new Error(`with ${login.what}: ${error?.message ?? error}`, { cause: error });
    }
  }
}
