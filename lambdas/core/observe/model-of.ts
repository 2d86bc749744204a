const REGION = /@[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/;

/** `bedrock/us.anthropic.claude…@us-west-2` → provider and model, as metrics have them; regions of one model are one metric. */
export const modelOf = (target: string): { Provider: string; Model: string } => {
  const slash = target.indexOf('/');
  return { Provider: target.slice(0, slash), Model: target.slice(slash + 1).replace(REGION, '') };
};
