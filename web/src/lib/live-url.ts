// What is watched, and how, is the URL: it can be kept and sent.

export type LiveView = 'list' | 'ladder';

export interface LiveRequest {
  q: string;
  view: LiveView;
}

export function readLive(params: URLSearchParams): LiveRequest {
  return { q: params.get('q') ?? '', view: params.get('view') === 'ladder' ? 'ladder' : 'list' };
}

export function writeLive(request: LiveRequest): string {
  const params = new URLSearchParams();
  if (request.q.trim() !== '') params.set('q', request.q.trim());
  if (request.view !== 'list') params.set('view', request.view);
  const text = params.toString();
  return text === '' ? '/live' : `/live?${text}`;
}
