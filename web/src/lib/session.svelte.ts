import { api, ApiError, whenLoggedOut } from './api';
import type { Catalogue, Me, Status } from './types';

/** Each may do all that the ones before may. */
export const ROLES: readonly string[] = ['viewer', 'engineer', 'admin'];
export const rolesUpTo = (role: string): readonly string[] => ROLES.slice(0, ROLES.indexOf(role) + 1);

type State = 'unknown' | 'out' | 'in';

/** Who is logged in, and what every screen shares: the catalogue and the alarms. */
class Session {
  state: State = $state('unknown');
  me: Me | null = $state.raw(null);
  catalogue: Catalogue | null = $state.raw(null);
  alarms: Status['alarms'] = $state.raw([]);
  /** Alerts that fire and are not silenced. */
  firing: Status['alerts']['firing'] = $state.raw([]);
  /** Set when the server cannot be asked at all. */
  unreachable: string | null = $state(null);

  constructor() {
    whenLoggedOut(() => this.ended());
  }

  async begin(): Promise<void> {
    try {
      this.entered(await api.me());
    } catch (failure) {
      if (failure instanceof ApiError && failure.httpStatus === 401) this.ended();
      else this.unreachable = failure instanceof Error ? failure.message : String(failure);
    }
  }

  async login(user: string, password: string): Promise<void> {
    await api.login(user, password);
    this.entered(await api.me());
  }

  async logout(): Promise<void> {
    try {
      await api.logout();
    } finally {
      this.ended();
    }
  }

  private entered(me: Me): void {
    this.me = me;
    this.unreachable = null;
    this.state = 'in';
    // Without a catalogue flags merely lose their explanation.
    api.catalogue().then(
      (catalogue) => (this.catalogue = catalogue),
      () => {},
    );
  }

  private ended(): void {
    this.me = null;
    this.alarms = [];
    this.firing = [];
    this.state = 'out';
  }

  /** Whether the server lets us: what is not for us is not shown. */
  may(permission: string): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  flagDoc(name: string): string {
    return this.catalogue?.flags.find((flag) => flag.name === name)?.doc ?? '';
  }

  /** The correction of that name: what known senders get wrong, and is put right. */
  correction(name: string): { senders: string; doc: string } | undefined {
    return this.catalogue?.corrections?.find((rule) => rule.name === name);
  }

  refusalDoc(name: string): string {
    return this.catalogue?.refusals?.find((refusal) => refusal.name === name)?.doc ?? '';
  }

  typeName(number: string | number): string {
    const table = this.catalogue?.tables.find((one) => one.hep_types?.includes(Number(number)));
    return table ? table.name.toUpperCase() : `type ${number}`;
  }
}

export const session = new Session();
