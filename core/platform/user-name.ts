import { userInfo } from 'node:os'
import { dropError } from '../dropped-errors.ts'

const LONGEST_NAME = 100

/** Returns the name of the user that runs this process; "?" if the system has none. */
export function getUserName(): string {
  try {
    return userInfo().username.slice(0, LONGEST_NAME) || '?'
  } catch (error) {
    return dropError(error, 'the system has no name for this user', '?')
  }
}
