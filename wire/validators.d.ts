// Written at build time by compile.ts: one function a channel and kind, without eval.
export interface Validator {
  (value: unknown): boolean
  errors?: { instancePath: string; message?: string }[] | null
}
export declare const validators: Record<string, Record<string, Validator>>
