import { config } from 'zod'

// The page's content security policy forbids eval: zod must not try it. Imported before any schema is created.
config({ jitless: true })
