import sys
import streamlit as st

st.title("Hello from " + sys.argv[1])
if "clicks" not in st.session_state:
    st.session_state.clicks = 0
if st.button("Count"):
    st.session_state.clicks += 1
st.write("clicks so far: %d" % st.session_state.clicks)
