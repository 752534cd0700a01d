// axios: its fetch adapter takes the function to fetch with.
import { mixFetch } from '@mixweb/mix-fetch';
import axios, { type AxiosInstance } from 'axios';

/** An axios that never touches the clear network. */
export function mixAxios(baseURL: string): AxiosInstance {
  return axios.create({ baseURL, adapter: 'fetch', env: { fetch: mixFetch } });
}
