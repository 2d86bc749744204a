/** Offsets (`+01:00`) are no zones: they know no summer time. */
const NAME = /^[A-Za-z][\w+/-]{0,63}$/;

/** Whether this is the name of a time zone that the platform knows (IANA: `Europe/Berlin`, `UTC`). */
export const isTimeZone = (name: string): boolean => {
  if (!NAME.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};
