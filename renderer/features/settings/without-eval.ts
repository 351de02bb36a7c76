import { config } from 'zod'

// The page's policy forbids eval: zod must not try it. This module is imported before any schema is made.
config({ jitless: true })
