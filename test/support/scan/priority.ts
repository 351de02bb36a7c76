import { setPriority } from 'node:os'

/** Whether this process may raise a priority, which Linux lets root do most often, and take it back. */
export function mayRaisePriority(): boolean {
  if (process.platform !== 'linux') return false
  try {
    setPriority(-1)
    setPriority(0)
    return true
  } catch {
    return false
  }
}
