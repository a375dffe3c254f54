// Every screen is a URL behind `#`: it needs no rewriting rule on the server, survives a path prefix, and keeps
// numbers and Call-IDs out of access logs and Referer headers.

export interface Route {
  /** Decoded parts of the path: `/call/a%40b` gives `['call', 'a@b']`. */
  parts: string[];
  params: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, '');
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  return { parts, params: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  route: Route = $state.raw(parseRoute(location.hash));
  /** Screens visited in this page: whether there is one to go back to. */
  private depth = 0;

  constructor() {
    addEventListener('hashchange', () => this.read());
  }

  private read(): void {
    this.route = parseRoute(location.hash);
  }

  go(path: string): void {
    this.depth += 1;
    location.hash = `#${path}`;
  }

  /** The same screen in another state: no new entry in the history. */
  replace(path: string): void {
    history.replaceState(history.state, '', `#${path}`);
    this.read();
  }

  back(otherwise: string): void {
    if (this.depth > 0) {
      this.depth -= 1;
      history.back();
    } else {
      this.go(otherwise);
    }
  }
}

export const router = new Router();

export const href = {
  call: (callId: string, message?: string) => `/call/${encodeURIComponent(callId)}${message ? `?msg=${encodeURIComponent(message)}` : ''}`,
  message: (id: string) => `/message/${encodeURIComponent(id)}`,
};
