/**
 * What looks like a key of Tollgate or of a vendor. The public id of a Tollgate key stays, since it says whose it was.
 * One expression, so that a line is read once; the literal beginnings make a line without any of them cheap.
 */
const KEYS =
  /\b(tg_[0-9A-Za-z]{12}_)[0-9A-Za-z]+|\b((?:sk|gsk|csk|xai|pk|rk)-|AIza|ABSK|bedrock-api-key-)[\w.+/=-]{8,}|\b((?:Bearer|Basic)\s+)[\w.+/=~-]{8,}|\b(eyJ)[\w-]{10,}\.[\w.-]+/gi;

/** Fields that are secret whatever they hold, as they stand in JSON text. */
const SECRET_FIELDS =
  /("(?:authorization|x-api-key|api[_-]?key|apiKey|password|secret|cookie|set-cookie)":)"(?:[^"\\]|\\.)*"/gi;

/** A line of JSON with everything that looks like a key taken out: the last line of defence, not the first. */
export const redactKeys = (line: string): string =>
  line
    .replace(
      KEYS,
      (_, ours?: string, vendor?: string, scheme?: string, token?: string) =>
        `${ours ?? vendor ?? scheme ?? token ?? ''}[redacted]`,
    )
    .replace(SECRET_FIELDS, '$1"[redacted]"');
