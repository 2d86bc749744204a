import type { AnyDialectName, AnySurfaceName, Dialect, Surface } from './dialect.ts';
import type { Provider } from './provider.ts';
import type { ProviderKind, Target } from './target.ts';

/** Languages of the providers that are configured; others need not be there. */
export type Dialects = Readonly<Partial<Record<AnyDialectName, Dialect>>>;

/** By kind, the providers that are configured. */
export type Providers = Readonly<Partial<Record<ProviderKind, Provider>>>;

/** A target as it is asked by clients of a surface: in their own language, where its provider speaks that too. */
export const askedIn = (target: Target, surface: AnySurfaceName): Target =>
  target.dialect !== surface && target.alsoSpeaks?.includes(surface) === true
    ? { ...target, dialect: surface }
    : target;

/**
 * The language that a target is asked in.
 *
 * @param surface the client's, which is at hand even where no provider speaks it by default
 * @throws {TypeError} where the wiring has left it out
 */
export const dialectOf = ({ id, dialect }: Target, dialects: Dialects, surface?: Surface): Dialect =>
  dialects[dialect] ?? (surface?.name === dialect ? surface : missing(`the dialect ${dialect} of ${id}`));

/** Who answers at a target. @throws {TypeError} where the wiring has left it out */
export const providerOf = ({ id, provider }: Target, providers: Providers): Provider =>
  providers[provider.kind] ?? missing(`the provider ${provider.kind} of ${id}`);

const missing = (what: string): never => {
  throw new TypeError(`${what} is not there`);
};
