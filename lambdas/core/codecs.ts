import type { Dialect, DialectName } from './dialect.ts';
import type { Provider } from './provider.ts';
import type { ProviderKind, Target } from './target.ts';

/** Languages of the providers that are configured; others need not be there. */
export type Dialects = Readonly<Partial<Record<DialectName, Dialect>>>;

/** By kind, the providers that are configured. */
export type Providers = Readonly<Partial<Record<ProviderKind, Provider>>>;

/** The language that a target speaks. @throws {TypeError} where the wiring has left it out */
export const dialectOf = ({ id, dialect }: Target, dialects: Dialects): Dialect =>
  dialects[dialect] ?? missing(`the dialect ${dialect} of ${id}`);

/** Who answers at a target. @throws {TypeError} where the wiring has left it out */
export const providerOf = ({ id, provider }: Target, providers: Providers): Provider =>
  providers[provider.kind] ?? missing(`the provider ${provider.kind} of ${id}`);

const missing = (what: string): never => {
  throw new TypeError(`${what} is not there`);
};
