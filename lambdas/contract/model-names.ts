/** What the vendors' model names say by their form. */

/**
 * The generation of a Claude model, by any vendor's name of it (`claude-3-5-haiku-20241022`, `claude-haiku-4-5`,
 * `us.anthropic.claude-opus-5`); undefined for names that are not Claude's or hide it.
 */
export const claudeGeneration = (model: string): { major: number; minor: number } | undefined => {
  const match = /claude-(?:[a-z]+-)?(\d{1,2})(?:-(\d{1,2}))?(?![\d.])/.exec(model);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2] ?? 0) };
};

/** Whether a Claude model is of this generation or a later one; an unreadable name counts as the newest. */
export const isClaudeFrom = (model: string, major: number, minor: number): boolean => {
  const generation = claudeGeneration(model);
  if (generation === undefined) return true;
  return generation.major > major || (generation.major === major && generation.minor >= minor);
};

/** By any vendor's name of it. */
export const isClaudeModel = (model: string): boolean => /(^|[./])claude-/.test(model);

const OPENAI_SNAPSHOT = /-(\d{4}-\d{2}-\d{2}|\d{4}(-preview)?)$/;

/**
 * Whether the vendor may put another model behind this name.
 *
 * - OpenAI: names without a date (`-2025-08-07`, the old `-0613`) follow the newest snapshot; fine-tuned models stand still,
 *   and so do those that make vectors, which are stored and compared for years.
 * - Anthropic: since generation 4.6 the dateless name is itself the pinned version; before, only names with a date are
 *   (platform.claude.com/docs/en/about-claude/models/model-ids-and-versions).
 * - Gemini: a name is one model, but for those that end in `-latest`.
 * - Azure OpenAI: a deployment serves what its owner deployed.
 * - Bedrock: an id is one version (`…-v1:0`, or the vendor's dateless id); a prompt router chooses for itself.
 */
export const isFloatingModel = (
  kind: 'openai' | 'azure-openai' | 'anthropic' | 'gemini' | 'bedrock',
  model: string,
): boolean => {
  switch (kind) {
    case 'openai':
      return !OPENAI_SNAPSHOT.test(model) && !model.startsWith('ft:') && !model.startsWith('text-embedding-');
    case 'anthropic':
      if (/-\d{8}$/.test(model)) return false;
      return !/^claude-[a-z]+-\d{1,2}(-\d{1,2})?$/.test(model) || !isClaudeFrom(model, 4, 6);
    case 'azure-openai':
      return false;
    case 'gemini':
      return model.endsWith('-latest');
    case 'bedrock':
      return model.includes('prompt-router');
  }
};
