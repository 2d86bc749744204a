/** What a model takes on the Messages API. Asking for more is a 400. */
export interface ModelTraits {
  /** How thinking is asked for. `either`: with a budget, or adaptive. */
  thinking: 'none' | 'budget' | 'either' | 'adaptive';
  /** What keeps the model from thinking: leaving the field out, a word for it, or nothing. */
  thinkingOff: 'omit' | 'disabled' | 'between_tools' | 'never';
  hasXhighEffort: boolean;
  /** `temperature`, `top_p`, `top_k`. */
  takesSampling: boolean;
  takesTemperatureWithTopP: boolean;
  /** `tool_choice` of type `any` or `tool`. */
  takesForcedTools: boolean;
  takesStrictTools: boolean;
  /** Messages of role `system` between the others. */
  takesLateSystem: boolean;
}

/** Servers that only speak the dialect: nothing is known of them, so nothing is held back. */
const UNKNOWN: ModelTraits = {
  thinking: 'budget',
  thinkingOff: 'omit',
  hasXhighEffort: false,
  takesSampling: true,
  takesTemperatureWithTopP: true,
  takesForcedTools: true,
  takesStrictTools: true,
  takesLateSystem: false,
};

/** A Claude whose name tells no version is taken for the newest. */
const NEWEST = 9_999;

/**
 * The rules by model, November 2026: Anthropic's pages on adaptive thinking, effort, structured outputs, mid-conversation
 * system messages and the migration guides from Opus 4.7 to Claude 5.5. Versions are compared as major · 100 + minor.
 *
 * @param model the provider's name: `claude-sonnet-4-5-20250929`, `claude-3-7-sonnet-latest`
 */
export const traitsOf = (model: string): ModelTraits => {
  if (!/claude/i.test(model)) return UNKNOWN;
  const { family, version } = familyOf(model);
  return {
    thinking: thinkingOf(version),
    thinkingOff: thinkingOffOf(family, version),
    hasXhighEffort: version >= 407,
    takesSampling: version < 407,
    takesTemperatureWithTopP: version < 401,
    takesForcedTools: takesForced(family, version),
    takesStrictTools: version >= (family === 'opus' ? 401 : 405),
    takesLateSystem: family === 'sonnet' ? version >= 505 : version >= 408,
  };
};

const familyOf = (model: string): { family: string; version: number } => {
  // Two digits at most make a minor version: more are a date.
  const match = /claude-(?:([a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)(?:-([a-z]+))?/i.exec(model);
  const family = (match?.[1] ?? match?.[4] ?? /claude-([a-z]+)/i.exec(model)?.[1] ?? '').toLowerCase();
  return { family, version: match === null ? NEWEST : Number(match[2]) * 100 + Number(match[3] ?? 0) };
};

const takesForced = (family: string, version: number): boolean => {
  if (family === 'haiku') return true;
  return version < (family === 'fable' || family === 'mythos' ? 501 : 505);
};

const thinkingOf = (version: number): ModelTraits['thinking'] => {
  if (version >= 407) return 'adaptive';
  if (version >= 406) return 'either';
  return version >= 307 ? 'budget' : 'none';
};

const thinkingOffOf = (family: string, version: number): ModelTraits['thinkingOff'] => {
  if (version < 500) return 'omit';
  if (family === 'sonnet') return version >= 505 ? 'between_tools' : 'disabled';
  if (family === 'haiku') return 'disabled';
  return family === 'opus' && version < 505 ? 'disabled' : 'never';
};
