import type { SurfaceName } from '../../lambdas/core/dialect.ts';
import type { Asked } from './asked.ts';
import type { Said } from './said.ts';

export interface Exception {
  ids: readonly string[];
  surface: SurfaceName | 'both';
  /** `status`: a 502 instead. `dropped`: the client is told in `x-tollgate-dropped`. */
  lost: readonly (keyof Asked | keyof Said | 'status' | 'dropped')[];
  why: string;
}

/** Where a recorded exchange can't come through a surface whole, and why. Anything else is a bug. */
export const EXCEPTIONS: readonly Exception[] = [];

export const exceptionFor = (id: string, surface: SurfaceName): readonly string[] =>
  EXCEPTIONS.filter((one) => one.ids.includes(id) && (one.surface === 'both' || one.surface === surface)).flatMap(
    ({ lost }) => lost,
  );
