/** Names that clients and the configuration give to tags and agent runs. */

/** `name=value`: neither holds a comma or an equals sign, so that a list of them needs no quoting. */
export const TAG = /^([A-Za-z0-9_.-]{1,64})=([\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,128})$/;
export const TAG_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** No slash: a path of runs and `team/run` can be taken apart again. */
export const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_.:@+=-]{0,127}$/;
export const RUN_ID_WORDS =
  'letters, digits and "_", ".", ":", "@", "+", "=", "-", at most 128, a letter or digit first';

/** Runs in one chain, from a run up to the one that nothing started. Each is a write or two a request. */
export const MAX_RUN_DEPTH = 5;
