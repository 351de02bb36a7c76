import { createContext, use } from 'react'
import type { WebRole } from '../../core/settings/schema.ts'

/** The access of a signed-in page. */
export interface PageSession {
  role: WebRole
  /** Name of the agent's computer. */
  computer: string
  /** Name of the token, or of the user. */
  name: string
  /** proxy: a reverse proxy has signed in the user, and there is no session to end. */
  by: 'token' | 'proxy'
}

/** null in the desktop's window, and for users of a reverse proxy. */
export const SignOutContext = createContext<(() => void) | null>(null)

/** Returns the function that ends the session; null if there is none. */
export const useSignOut = (): (() => void) | null => use(SignOutContext)
