import { z } from 'zod'
import { webRoles } from '../../../settings/schema.ts'
import { defineAction, defineChange, defineTrial, nothing } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const webContract = {
  /** Creates access to the web page. The token is returned this once, and only its digest is stored. */
  addWebToken: defineChange({
    input: z.object({ name: z.string().min(1).max(100), role: z.enum(webRoles) }),
    output: z.object({ token: z.string() }),
  }),
  /**
   * Creates a link that signs in one browser of this computer, with all rights. It replaces the last one. usableUntil: in
   * milliseconds since 1970.
   */
  createPageLink: defineTrial({
    input: nothing,
    output: z.object({ link: z.string(), usableUntil: z.number() }),
  }),
  /** Ends access to the web page, also that of signed-in browsers. */
  removeWebToken: defineAction(idInput),
} as const
