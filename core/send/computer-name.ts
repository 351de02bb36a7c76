import os from 'node:os'

/** Returns the name under which destinations list this computer. */
export const ownName = (): string => os.hostname() || 'Holdfast'
