const LONGEST = 256;
const NAME = /^[A-Za-z0-9_/+=.@-]+$/;

export const SECRET_NAME_RULE = `1 to ${LONGEST} of the characters A-Z a-z 0-9 / _ + = . @ -`;

/** Whether `secret:NAME` can be written with it in a configuration; Secrets Manager allows no more than these characters. */
export const isSecretName = (name: string): boolean => name.length <= LONGEST && NAME.test(name);
