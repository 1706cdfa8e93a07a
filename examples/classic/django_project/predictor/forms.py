from django import forms


class PredictionForm(forms.Form):
    area = forms.FloatField(min_value=0)
    rooms = forms.FloatField(min_value=0)
    age = forms.FloatField(min_value=0)
    floor = forms.FloatField()
    distance = forms.FloatField(min_value=0)
    energy = forms.FloatField(min_value=0)
    balcony = forms.FloatField(min_value=0)
    noise = forms.FloatField(min_value=0)
