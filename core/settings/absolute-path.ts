import { z } from 'zod'

export const absolutePathSchema = z
  .string()
  .max(4096)
  // Not node:path: the window validates with this schema, too.
  .refine((path) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path), 'must be an absolute path')
  .refine((path) => !path.includes('\0'), 'must not contain NUL: no path can')
