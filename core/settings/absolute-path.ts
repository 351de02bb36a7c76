import { z } from 'zod'

export const absolutePathSchema = z
  .string()
  .max(4096)
  // node:path is not used, because the window validates with this schema, too.
  .refine((path) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path), 'must be an absolute path')
  .refine((path) => !path.includes('\0'), 'must not contain NUL: no path can')
