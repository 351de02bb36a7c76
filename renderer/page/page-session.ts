import { createContext, use } from 'react'
import type { WebRole } from '../../core/settings/schema.ts'

/** The access of a signed-in page. */
export interface PageSession {
  role: WebRole
  /** Name of the agent's computer. */
  computer: string
  /** Name of the token. */
  name: string
}

/** null in the desktop's window. */
export const SignOutContext = createContext<(() => void) | null>(null)

/** Returns the function that ends the session; null in the desktop's window. */
export const useSignOut = (): (() => void) | null => use(SignOutContext)
