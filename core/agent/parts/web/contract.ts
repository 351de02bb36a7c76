import { z } from 'zod'
import { webRoles } from '../../../settings/schema.ts'
import { defineAction, defineChange } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const webContract = {
  /** Creates access to the web page. The token is returned this once, and only its digest is stored. */
  addWebToken: defineChange({
    input: z.object({ name: z.string().min(1).max(100), role: z.enum(webRoles) }),
    output: z.object({ token: z.string() }),
  }),
  /** Ends access to the web page, also that of signed-in browsers. */
  removeWebToken: defineAction(idInput),
} as const
