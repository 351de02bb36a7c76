type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** Returns the object without its undefined members. */
export const omitUndefined = <T extends object>(given: T): Defined<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>
