type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** What of an object is given. */
export const omitUndefined = <T extends object>(given: T): Defined<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>
